# What both programs share: a clock, lines on stdin, a select loop, sockets.
# Only perl-base is used (Essential on Debian and Ubuntu): no Time::HiRes, no JSON, no IPC modules.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP inet_ntop inet_pton);
use Fcntl;
use Errno qw(EINPROGRESS EAGAIN EINTR EADDRINUSE ECONNRESET ECONNREFUSED);
use POSIX ();

$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{$_} = sub { exit 4 } for qw(ALRM HUP INT TERM);    # so that END blocks clean up
my $word = length pack 'P', '';
my %numbers = (    # machine => [clock_gettime, setns]
    x86_64 => [228, 308], aarch64 => [113, 268], riscv64 => [113, 268], loongarch64 => [113, 268],
    i686 => [265, 346], armv7l => [263, 375], ppc64le => [246, 350], s390x => [260, 339],
);
my $machine = (POSIX::uname())[4];
if ($word == 4) { $machine = $machine =~ /^(arm|aarch64)/ ? 'armv7l' : 'i686' }
my ($clock_gettime, $setns) = @{ $numbers{$machine} || [] };

sub now {
    my $time = pack 'l! l!', 0, 0;
    return (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK())
      if !$clock_gettime || syscall($clock_gettime, 1, $time);
    my ($seconds, $nanoseconds) = unpack 'l! l!', $time;
    return $seconds + $nanoseconds / 1e9;
}

sub say { print STDOUT join(' ', @_), "\n" }

sub nonblocking { fcntl $_[0], F_SETFL, O_NONBLOCK | fcntl $_[0], F_GETFL, 0 }

sub text_of { my $address = shift; return length $address == 4 ? inet_ntop(AF_INET, $address) : '?' }

# A connection is ended by RST: neither side keeps a TIME_WAIT on a port that dockerd wants next.
sub drop { setsockopt $_[0], SOL_SOCKET, SO_LINGER, pack('ii', 1, 0); close $_[0] }

my (%readers, %writers);    # fileno => [socket, code]
sub on_read  { my ($socket, $code) = @_; $readers{fileno $socket} = [$socket, $code] }
sub on_write { my ($socket, $code) = @_; $writers{fileno $socket} = [$socket, $code] }
sub forget   { my $number = fileno $_[0]; return if !defined $number; delete $readers{$number}; delete $writers{$number} }

sub wait_for {
    my $seconds = shift;
    my ($reading, $writing) = ('', '');
    vec($reading, $_, 1) = 1 for 0, keys %readers;
    vec($writing, $_, 1) = 1 for keys %writers;
    my $count = select $reading, $writing, undef, $seconds;
    return 0 if $count <= 0;
    for my $number (keys %readers) {
        next if !vec($reading, $number, 1) || !$readers{$number};
        $readers{$number}[1]->($readers{$number}[0]);
    }
    for my $number (keys %writers) {
        next if !vec($writing, $number, 1) || !$writers{$number};
        $writers{$number}[1]->($writers{$number}[0]);
    }
    return vec($reading, 0, 1);
}

my $pending = '';
my $ended = 0;

# Returns the lines that have arrived; end of file ends the program: nobody is listening any more.
sub lines_now {
    my $count = sysread STDIN, $pending, 65536, length $pending;
    return () if !defined $count;
    $ended = 1 if !$count;
    my @lines;
    push @lines, $1 while $pending =~ s/^([^\n]*)\n//;
    return @lines;
}

sub start_connect {
    my ($socket, $address, $port) = @_;
    nonblocking($socket);
    return '' if connect $socket, pack_sockaddr_in($port, inet_pton(AF_INET, $address));
    return $!{EINPROGRESS} ? '' : "$!";
}

sub connect_outcome {
    my $socket = shift;
    my $number = unpack 'i', getsockopt $socket, SOL_SOCKET, SO_ERROR;
    return 'open' if !$number || $number == ECONNRESET;    # reset means: it was open
    return 'refused' if $number == ECONNREFUSED;
    $! = $number;
    return "$!";
}
