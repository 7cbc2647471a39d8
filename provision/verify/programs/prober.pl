# Probes from where containers are: their network namespaces are entered one after another, a socket
# belongs to the namespace it was made in, so one process asks for all of them; images need no tools.
# Lines in:  deadline SECONDS | container KEY ID ADDRESS | ready | end |
#            ask NUMBER KEY|host ping|mtu|name|tcp|echo|http TARGET [ARGUMENT...] | go SECONDS
# Lines out: endpoint KEY PORT MTU |
#            no-endpoint KEY WHY | READY | ok NUMBER MS FOUND | no NUMBER WHY | DONE
# How long the first try may take; each further one twice as long: a first packet is often lost.
my %limits = (ping => 0.25, mtu => 0.25, name => 0.5, tcp => 0.4, echo => 0.4, http => 3);
my (%places, %asks, %running, $started, $patience);
my $done = 1;
open $places{host}{namespace}, '<', '/proc/self/ns/net' or die "no network namespace: $!";

# --- places: where a question is asked from

sub enter {
    my $place = shift;
    return 1 if syscall($setns, fileno $places{$place}{namespace}, 0x40000000) == 0;
    return 0;
}

sub mtu_of {
    my $address = shift;
    open my $devices, '<', '/proc/self/net/dev' or return 0;
    for (<$devices>) {
        my ($name) = /^\s*([^:\s]+):/ or next;
        my $request = pack 'a16 x24', $name;
        socket my $socket, AF_INET, SOCK_DGRAM, 0 or return 0;
        ioctl $socket, 0x8915, $request or next;
        next if substr($request, 20, 4) ne inet_pton(AF_INET, $address);
        $request = pack 'a16 x24', $name;
        ioctl $socket, 0x8921, $request or next;
        return unpack 'x16 i', $request;
    }
    return 0;
}

sub settle {
    my ($key, $id, $address) = @_;
    return 'this machine is not known to the probe' if !$setns;
    leave($key);
    my ($status, $body) = engine('GET', "/containers/$id/json");
    return flat($body) if $status != 200;
    my ($pid) = $body =~ /"Pid":\s*(\d+)/;
    return 'the container does not run' if !$pid;
    open $places{$key}{namespace}, '<', "/proc/$pid/ns/net" or return "its network namespace: $!";
    $places{$key}{address} = $address;
    enter($key) or return "its network namespace: $!";
    my $mtu = $places{$key}{mtu} = mtu_of($address);
    my $port = echo_server($key, $address);
    enter('host');
    return "nothing could listen there: $!" if !$port;
    say('endpoint', $key, $port, $mtu);
    return '';
}

# A container may have been started anew since it was entered.
sub leave {
    my $place = delete $places{ $_[0] } or return;
    for my $socket (grep { $_ } $place->{server}, $place->{icmp}) { forget($socket); close $socket }
}

sub container {
    my $key = $_[0];
    my $why = settle(@_);
    return if !$why;
    enter('host') if $setns;
    leave($key);
    say('no-endpoint', $key, $why);
}

my %guests;
sub echo_server {
    my ($key, $address) = @_;
    socket my $server, AF_INET, SOCK_STREAM, 0 or return 0;
    bind $server, pack_sockaddr_in(0, inet_pton(AF_INET, $address)) or return 0;
    listen $server, 128 or return 0;
    nonblocking($server);
    $places{$key}{server} = $server;
    on_read($server, sub {
        my $guest;
        accept $guest, $server or return;
        nonblocking($guest);
        $guests{ fileno $guest } = $guest;
        on_read($guest, \&echo);
    });
    return (unpack_sockaddr_in(getsockname $server))[0];
}

sub echo {
    my $guest = shift;
    my $count = sysread $guest, my $data, 4096;
    return syswrite $guest, $data if $count;
    return if !defined $count && $!{EAGAIN};
    forget($guest);
    delete $guests{ fileno $guest };
    drop($guest);
}

# --- questions

sub ask {
    my ($number, $place, $kind, $target, @more) = @_;
    $asks{$number} = { number => $number, place => $place, kind => $kind, target => $target, more => \@more, next => 0, pause => 0.05, slack => 1, why => 'no answer' };
}

sub finish {
    my ($ask, $word, @found) = @_;
    release($ask);
    delete $asks{ $ask->{number} };
    say($word, $ask->{number}, @found);
}

sub release {
    my $ask = shift;
    my $socket = delete $ask->{socket};
    delete $running{ $ask->{number} };
    return if !$socket;
    forget($socket);
    $ask->{stream} ? drop($socket) : close $socket;
}

sub good { my ($ask, $found) = @_; finish($ask, 'ok', sprintf('%.3f', 1000 * (now() - $ask->{since})), $found) }

sub again {
    my ($ask, $why) = @_;
    release($ask);
    $ask->{why} = $why;
    $ask->{next} = now() + $ask->{pause};
    $ask->{pause} = $ask->{pause} < 0.5 ? 2 * $ask->{pause} : 0.7;
    $ask->{slack} *= 2 if $ask->{slack} < 8;
}

sub attempt {
    my $ask = shift;
    return finish($ask, 'no', 'no container to ask from') if !$places{ $ask->{place} };
    $ask->{since} = now();
    $running{ $ask->{number} } = 1;
    enter($ask->{place});
    my $kind = $ask->{kind};
    $ask->{target} = '127.0.0.1' if $ask->{target} eq 'localhost';
    if    ($kind eq 'name')                     { query($ask, $ask->{target}, \&named) }
    elsif ($ask->{target} =~ /^[\d.]+$/)        { contact($ask, $ask->{target}) }
    elsif ($ask->{place} eq 'host')             { again($ask, "$ask->{target} is not an address") }
    else                                        { query($ask, $ask->{target}, sub { contact_first(@_) }) }
    enter('host');
}

sub contact_first {
    my ($ask, @addresses) = @_;
    release($ask);
    $running{ $ask->{number} } = 1;
    enter($ask->{place});
    $ask->{since} = now();
    contact($ask, $addresses[0]);
    enter('host');
}

sub named {
    my ($ask, @addresses) = @_;
    my $wanted = $ask->{more}[0];
    my $found = join ',', @addresses;
    return again($ask, "resolves to $found, not to $wanted") if $wanted && !grep { ",$wanted," =~ /,\Q$_\E,/ } @addresses;
    good($ask, $found);
}

sub contact {
    my ($ask, $address) = @_;
    return ping($ask, $address) if $ask->{kind} eq 'ping' || $ask->{kind} eq 'mtu';
    stream($ask, $address);
}

# ICMP: one socket for each place, answers are told apart by their sequence number.

sub ping {
    my ($ask, $address) = @_;
    my $place = $places{ $ask->{place} };
    my $socket = $place->{icmp} ||= icmp_socket($place) or return again($ask, "no ICMP: $!");
    my $size = $ask->{kind} eq 'mtu' ? ($place->{mtu} || 1500) - 28 : 56;
    my $text = substr "swarmlay $ask->{number} " x (1 + $size / 8), 0, $size;
    my $packet = pack 'C C n n n a*', 8, 0, 0, $$ & 0xffff, $ask->{number} & 0xffff, $text;
    substr $packet, 2, 2, pack 'n', checksum($packet);
    send $socket, $packet, 0, pack_sockaddr_in(0, inet_pton(AF_INET, $address)) or again($ask, "$!");
}

sub icmp_socket {
    my $place = shift;
    socket my $socket, AF_INET, SOCK_RAW, 1 or return;
    setsockopt $socket, 0, 10, pack('i', 2);    # IP_MTU_DISCOVER: never fragment
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack('i', 1 << 20);
    bind $socket, pack_sockaddr_in(0, inet_pton(AF_INET, $place->{address})) if $place->{address};
    nonblocking($socket);
    on_read($socket, sub {
        while (defined recv $socket, my $packet, 65536, 0) {
            my $body = substr $packet, 4 * (ord($packet) & 15);
            next if length $body < 8;
            my ($type, $id, $sequence) = unpack 'C x3 n n', $body;
            my ($ask) = grep { ($_ & 0xffff) == $sequence } keys %running;
            next if $type != 0 || $id != ($$ & 0xffff) || !defined $ask;
            pinged($asks{$ask}, length($body) + 20);
        }
    });
    return $socket;
}

# The first packet between two containers also finds the way; the second one tells the latency.
sub pinged {
    my ($ask, $size) = @_;
    return if $ask->{kind} ne 'ping' && $ask->{kind} ne 'mtu';
    return good($ask, $size) if $ask->{kind} eq 'mtu' || $ask->{warm}++;
    release($ask);
    attempt($ask);
}

sub checksum {
    my $data = shift;
    $data .= "\0" if length($data) % 2;
    my $sum = unpack '%32n*', $data;
    $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
    return ~$sum & 0xffff;
}

# Names: the engine's own server, as seen from the container.

sub query {
    my ($ask, $name, $then) = @_;
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or return again($ask, "$!");
    connect $socket, pack_sockaddr_in(53, inet_pton(AF_INET, '127.0.0.11')) or return again($ask, "$!");
    my $question = join '', map { pack 'C/a*', $_ } split /\./, $name;
    my $id = $ask->{number} & 0xffff;
    nonblocking($socket);
    send $socket, pack('n6 a* C n2', $id, 0x0100, 1, 0, 0, 0, $question, 0, 1, 1), 0 or return again($ask, "DNS: $!");
    $ask->{socket} = $socket;
    on_read($socket, sub {
        defined recv $socket, my $answer, 4096, 0 or return again($ask, "DNS: $!");
        return if length $answer < 12 || unpack('n', $answer) != $id;
        my $code = 15 & unpack 'x2 n', $answer;
        my @addresses = addresses_in($answer);
        return again($ask, $code == 3 || !$code ? "the name $name is not known" : "DNS answered with error $code") if !@addresses;
        $then->($ask, @addresses);
    });
}

sub addresses_in {
    my $answer = shift;
    my ($questions, $answers) = unpack 'x4 n2', $answer;
    my ($at, @found) = (12);
    $at = after_name($answer, $at) + 4 for 1 .. $questions;
    for (1 .. $answers) {
        $at = after_name($answer, $at);
        last if $at + 10 > length $answer;
        my ($type, undef, undef, $size) = unpack "x$at n n N n", $answer;
        push @found, inet_ntop(AF_INET, substr $answer, $at + 10, 4) if $type == 1 && $size == 4;
        $at += 10 + $size;
    }
    return @found;
}

sub after_name {
    my ($answer, $at) = @_;
    while ($at < length $answer) {
        my $size = ord substr $answer, $at, 1;
        return $at + 2 if $size >= 192;
        $at += 1 + $size;
        return $at if !$size;
    }
    return $at;
}

# Streams: connected, echoed, or a page fetched.

sub stream {
    my ($ask, $address) = @_;
    my ($port, $path) = @{ $ask->{more} };
    socket my $socket, AF_INET, SOCK_STREAM, 0 or return again($ask, "$!");
    my $own = $places{ $ask->{place} }{address};
    bind $socket, pack_sockaddr_in(0, inet_pton(AF_INET, $own)) if $own && $ask->{kind} eq 'echo';
    $ask->{stream} = 1;
    my $error = start_connect($socket, $address, $port);
    return again($ask, $error) if $error;
    $ask->{socket} = $socket;
    on_write($socket, sub {
        my $outcome = connect_outcome($socket);
        delete $writers{ fileno $socket };
        return again($ask, $outcome) if $outcome ne 'open';
        return good($ask, $address) if $ask->{kind} eq 'tcp';
        my $http = $ask->{kind} eq 'http';
        my $text = $http ? "GET $path HTTP/1.0\r\nHost: $ask->{target}\r\nUser-Agent: swarmlay\r\n\r\n" : "swarmlay $ask->{number}\n";
        syswrite $socket, $text;
        my $heard = '';
        on_read($socket, sub {
            my $count = sysread $socket, $heard, 65536, length $heard;
            return if !defined $count && $!{EAGAIN};
            return fetched($ask, $heard, $count) if $http;
            return good($ask, $address) if $heard eq $text;
            again($ask, 'the connection broke') if !$count;
        });
    });
}

sub fetched {
    my ($ask, $heard, $count) = @_;
    return if $count && length $heard < 1 << 20;
    my ($status) = $heard =~ m{^HTTP/\S+ (\d+)} or return again($ask, 'not HTTP, or nothing, came back');
    $heard =~ s/^.*?\r?\n\r?\n//s;
    good($ask, "$status " . unpack 'H*', substr $heard, 0, 16384);
}

# --- the round

sub tick {
    my $now = now();
    for my $ask (values %asks) {
        next if $running{ $ask->{number} } || $ask->{next} > $now;
        attempt($ask);
    }
    for my $number (keys %running) {
        my $ask = $asks{$number} or next;
        again($ask, 'timeout') if now() > $ask->{since} + $limits{ $ask->{kind} } * $ask->{slack};
    }
    return 0 if %asks && now() < $started + $patience;
    finish($_, 'no', $running{ $_->{number} } && $_->{why} eq 'no answer' ? 'timeout' : $_->{why}) for values %asks;
    say('DONE');
    return 1;
}

my %deeds = (
    deadline  => sub { alarm shift },
    get       => \&get,
    probe     => \&probe,
    container => \&container,
    ready     => sub { say('READY') },
    ask       => \&ask,
    go        => sub { $patience = shift; $started = now(); $done = 0 },
    end       => sub { $ended = 1 },
);

while (!$ended) {
    my $readable = wait_for($done ? 5 : 0.02);
    if ($readable) {
        for (lines_now()) { my ($verb, @rest) = split; $deeds{$verb}->(@rest) if $verb && $deeds{$verb} }
    }
    $done = tick() if !$done;
}
clean();
say('BYE');
