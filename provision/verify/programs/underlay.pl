# The underlay between hosts: short-lived listeners, packets really sent, and three places to see them:
#   left  on the sender's network card, behind its firewall   (packet socket, outgoing)
#   nic   on the receiver's network card, before its firewall (packet socket, incoming)
#   past  behind the receiver's firewall                      (raw socket)
# Lines in:  deadline SECONDS | me INDEX ADDRESS | nonce NUMBER | listen PROTO PORT | ready | peer INDEX ADDRESS | probe INDEX PROTO PORT | go SECONDS | end
# Lines out: READY | bound tcp/7946 | held tcp/7946 | failed WHAT WHY | left|nic|past PROBE INDEX [SOURCE] |
#            synack-left|synack-nic PROBE INDEX | open PROBE INDEX MS | closed PROBE INDEX WHY | unsent PROBE INDEX WHY | DONE
my ($me, $nonce, $ready, $patience, $started) = (0, 0);
my (@listen, %peer, %index_of, @probes, @listeners, @accepted, %said, %missing, %arrived, %open, %senders);
my $next_send = 0;
my @pauses = (0.03, 0.08, 0.2, 0.4, 0.8);

sub once { my $line = join ' ', @_; say($line) if !$said{$line}++; }

# A frame for a VXLAN network that does not exist, of a private ethertype: harmless wherever it arrives.
sub payload {
    return pack('C x3 N', 8, 0xfffffe << 8)
      . pack('n3 C6 n', (0xffff) x 3, 2, 0, 0, 0, 0, $me & 255, 0x88b5)
      . pack('N n', $nonce, $me) . 'swarmlay reachability probe';
}

# The kernel throws away what is not ours, so a busy network card costs nothing.
sub filter {
    my $socket = shift;
    my %ports = map { $_->[1] => 1 } grep { $_->[0] eq 'tcp' } @listen, map { [@$_] } ([qw(tcp 2377)], [qw(tcp 7946)]);
    my @ports = sort keys %ports;
    my @tcp = ([0x50, 0, 0, 13], [0x54, 0, 0, 2], [0x15, 0, 'no', 2]);      # SYN, with or without ACK
    for my $offset (2, 0) {
        push @tcp, [0x48, 0, 0, $offset], map { [0x15, 'yes', 0, $_] } @ports;
    }
    my @code = (
        [0x30, 0, 0, 0], [0x54, 0, 0, 0xf0], [0x15, 0, 'no', 0x40],          # IPv4
        [0xb1, 0, 0, 0], [0x30, 0, 0, 9],
        [0x15, 'udp', 0, 17], [0x15, 'esp', 0, 50], [0x15, 'tcp', 'no', 6],
        ['udp'], [0x40, 0, 0, 30], [0x15, 'yes', 'no', $nonce],
        ['esp'], [0x40, 0, 0, 0], [0x15, 'yes', 'no', $nonce],
        ['tcp'], @tcp, ['no'], [0x06, 0, 0, 0], ['yes'], [0x06, 0, 0, 0xffff],
    );
    my (%at, @plain);
    for (@code) { if (@$_ == 1) { $at{ $_->[0] } = @plain } else { push @plain, $_ } }
    my $code = '';
    for my $here (0 .. $#plain) {
        my ($operation, $true, $false, $value) = @{ $plain[$here] };
        for ($true, $false) { $_ = $at{$_} - $here - 1 if !/^\d/ }
        $code .= pack 'S C C L', $operation, $true, $false, $value;
    }
    my $program = pack "S x!$word P", scalar @plain, $code;
    setsockopt $socket, SOL_SOCKET, 26, $program or say('failed', 'filter', "$!");
}

sub observer {
    my ($name, $domain, $type, $protocol, $code) = @_;
    socket my $socket, $domain, $type, $protocol or return say('failed', $name, "$!");
    nonblocking($socket);
    filter($socket);
    on_read($socket, sub {
        while (defined(my $from = recv $socket, my $packet, 2048, 0)) { $code->($packet, $from) }
    });
}

sub sighted {
    my ($packet, $place, $outgoing) = @_;
    return if length $packet < 24;
    my ($first, $protocol, $source, $target) = unpack 'C x8 C x2 a4 a4', $packet;
    my $body = substr $packet, 4 * ($first & 15);
    if ($protocol == 17 && length $body >= 36) {
        my ($port) = unpack 'x2 n', $body;
        my ($stamp, $index) = unpack 'x30 N n', $body;
        return if $stamp != $nonce;
        return once('left', "udp/$port", $index_of{ text_of($target) } // return) if $outgoing;
        return arrived($place, "udp/$port", $index, text_of($source));
    }
    if ($protocol == 50 && length $body >= 10) {
        my ($stamp, undef, $index) = unpack 'N N n', $body;
        return if $stamp != $nonce;
        return once('left', 'esp', $index_of{ text_of($target) } // return) if $outgoing;
        return arrived($place, 'esp', $index, text_of($source));
    }
    tcp_sighted($body, $place, $outgoing, text_of($outgoing ? $target : $source)) if $protocol == 6 && length $body >= 14;
}

sub tcp_sighted {
    my ($body, $place, $outgoing, $other) = @_;
    my ($from, $to, $flags) = unpack 'n n x9 C', $body;
    my $index = $index_of{$other};
    return if !defined $index || !($flags & 2);
    return once($outgoing ? 'synack-left' : "synack-$place", "tcp/$from", $index) if $flags & 16;
    $outgoing ? once('left', "tcp/$to", $index) : once($place, "tcp/$to", $index, $other);
}

sub arrived {
    my ($place, $probe, $index, $source) = @_;
    return if $index == $me;
    once($place, $probe, $index, $source);
    return if $place ne 'past';
    $arrived{"$probe $index"} = 1;      # perhaps before this host was told to go
    delete $missing{"$probe $index"};
}

sub listen_on {
    my ($protocol, $port) = @_;
    return if $protocol eq 'esp';
    my $tcp = $protocol eq 'tcp';
    socket my $socket, AF_INET, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0 or return say('failed', "$protocol/$port", "$!");
    setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1 if $tcp;
    if (!bind($socket, pack_sockaddr_in($port, INADDR_ANY)) || ($tcp && !listen $socket, 128)) {
        return say($!{EADDRINUSE} ? ('held', "$protocol/$port") : ('failed', "$protocol/$port", "$!"));
    }
    nonblocking($socket);
    push @listeners, $socket;
    say('bound', "$protocol/$port");
    return on_read($socket, sub { recv $socket, my $ignored, 2048, 0 }) if !$tcp;
    on_read($socket, sub {
        my $new;
        push @accepted, $new if accept $new, $socket;
    });
}

sub ready {
    observer('packet', 17, SOCK_DGRAM, unpack('n', pack 'S', 3), sub {
        my ($packet, $from) = @_;
        my $kind = unpack 'x10 C', $from;
        sighted($packet, 'nic', $kind == 4) if $kind == 0 || $kind == 4;
    });
    for my $protocol (17, 6, 50) {
        observer("raw/$protocol", AF_INET, SOCK_RAW, $protocol, sub { sighted($_[0], 'past', 0) });
    }
    listen_on(@$_) for @listen;
    for my $protocol ('udp', 'esp') {
        my $ok = $protocol eq 'udp' ? socket($senders{udp}, AF_INET, SOCK_DGRAM, 0) : socket($senders{esp}, AF_INET, SOCK_RAW, 50);
        say('failed', "send/$protocol", "$!") if !$ok;
    }
    say('READY');
}

sub try_tcp {
    my ($index, $port) = @_;
    my $probe = "tcp/$port";
    socket my $socket, AF_INET, SOCK_STREAM, 0 or return say('unsent', $probe, $index, "$!");
    my $since = now();
    my $error = start_connect($socket, $peer{$index}, $port);
    return say('closed', $probe, $index, $error) if $error;
    $open{"$probe $index"} = $socket;
    on_write($socket, sub {
        my $outcome = connect_outcome($socket);
        my $spent = sprintf '%.3f', 1000 * (now() - $since);
        forget($socket);
        drop($socket);
        delete $open{"$probe $index"};
        say($outcome eq 'open' ? ('open', $probe, $index, $spent) : ('closed', $probe, $index, $outcome));
    });
}

sub try_datagram {
    my ($index, $protocol, $port) = @_;
    my $address = inet_pton AF_INET, $peer{$index};
    my $data = $protocol eq 'udp' ? payload() : pack('N N n', $nonce, 1, $me) . 'swarmlay reachability probe';
    return if send $senders{$protocol}, $data, 0, pack_sockaddr_in($port, $address);
    once('unsent', $protocol eq 'udp' ? "udp/$port" : 'esp', $index, "$!");
}

sub go {
    $patience = shift;
    $started = now();
    for my $index (keys %peer) {
        for (@listen) {
            next if $_->[0] eq 'tcp';
            my $key = ($_->[0] eq 'esp' ? 'esp' : "udp/$_->[1]") . " $index";
            $missing{$key} = 1 if !$arrived{$key};
        }
    }
    try_tcp($_->[0], $_->[2]) for grep { $_->[1] eq 'tcp' } @probes;
    $next_send = $started;
}

sub tick {
    my $now = now();
    if ($now >= $next_send) {
        try_datagram(@$_) for grep { $_->[1] ne 'tcp' } @probes;
        $next_send = $now + (@pauses ? shift @pauses : 1e9);
    }
    return 0 if $now < $started + $patience && (%open || %missing);
    for (keys %open) { say('closed', $_, 'timeout'); forget($open{$_}); drop($open{$_}) }
    %open = ();
    say('DONE');
    return 1;
}

# Whether the address that the peers use is this host's at all (behind 1:1 NAT it is not, and may work).
sub be {
    ($me, my $address) = @_;
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or return;
    bind $socket, pack_sockaddr_in(0, inet_pton(AF_INET, $address)) or say('failed', 'address', "$!");
}

my %deeds = (
    me     => \&be,
    nonce  => sub { $nonce = 0 + shift },
    listen => sub { push @listen, [@_] },
    ready  => \&ready,
    peer   => sub { $peer{ $_[0] } = $_[1]; $index_of{ $_[1] } = $_[0] },
    probe  => sub { push @probes, [@_] },
    go     => \&go,
    end    => sub { $ended = 1 },
    deadline => sub { alarm shift },
);

my $done = 0;
while (!$ended) {
    my $readable = wait_for($started && !$done ? 0.02 : 5);
    if ($readable) {
        for (lines_now()) { my ($verb, @rest) = split; $deeds{$verb}->(@rest) if $verb && $deeds{$verb} }
    }
    $done = tick() if $started && !$done;
}
drop($_) for @accepted;
say('BYE');
