/** The program within the namespace, in the Perl that is always there (perl-base); `inside-python.ts` is the same in Python. */
export const insidePerl = String.raw`
use strict;
use warnings;
use Socket qw(inet_pton AF_INET AF_INET6 SOCK_RAW SOL_SOCKET SO_BROADCAST pack_sockaddr_in pack_sockaddr_in6);
use POSIX ();

my (%ends, $listening);
my @owner = (122, 123);
my $machine = (POSIX::uname())[4];
@owner = (151, 152) if $machine =~ /^(aarch64|riscv|loongarch)/;
@owner = (215, 216) if $machine =~ /^(i\d86|arm|s390)/;
@owner = (138, 139) if $machine =~ /^ppc/;

sub place {
  my ($family, $text) = @_;
  my ($address, $scope) = split /%/, $text;
  return pack_sockaddr_in(0, inet_pton(AF_INET, $address)) if $family == 4;
  return pack_sockaddr_in6(0, inet_pton(AF_INET6, $address), $scope, 0);
}

my %commands = (
  tap => sub {
    my ($name) = @_;
    sysopen(my $end, '/dev/net/tun', 2 | POSIX::O_NONBLOCK()) or return 0;
    ioctl($end, 0x400454CA, pack('a16 S x22', $name, 0x1002)) or return 0;
    $ends{$name} = $end;
  },
  put => sub {
    my ($path, $value) = @_;
    open(my $file, '>', $path) or return 0;
    my $count = syswrite($file, pack('H*', $value));
    return defined $count;
  },
  listen => sub {
    my ($group) = @_;
    socket($listening, 16, SOCK_RAW, 12) or return 0;
    setsockopt($listening, SOL_SOCKET, 33, pack('l', 1 << 25));
    bind($listening, pack('S S L L', 16, 0, 0, 0)) or return 0;
    return setsockopt($listening, 270, 1, pack('l', $group));
  },
  ask => sub { return defined send($listening, pack('H*', $_[0]), 0, pack('S S L L', 16, 0, 0, 0)) },
  frame => sub { return defined syswrite($ends{$_[0]}, pack('H*', $_[1])) },
  local => sub {
    my ($family, $data, $to, $mark, $uid, $gid, $source) = @_;
    syscall($owner[1], $gid + 0) if $gid;
    syscall($owner[0], $uid + 0) if $uid;
    my $made = socket(my $sender, $family == 4 ? AF_INET : AF_INET6, SOCK_RAW, 255);
    my $problem = $! + 0;
    syscall($owner[0], 0) if $uid;
    syscall($owner[1], 0) if $gid;
    $! = $problem;
    return 0 unless $made;
    setsockopt($sender, SOL_SOCKET, 36, pack('L', $mark)) or return 0;
    setsockopt($sender, SOL_SOCKET, SO_BROADCAST, pack('l', 1));
    bind($sender, place($family, $source));
    return defined send($sender, pack('H*', $data), 0, place($family, $to));
  },
  collect => sub {
    my ($milliseconds) = @_;
    my %sources = (fileno($listening) => [$listening, 'netlink']);
    $sources{fileno($ends{$_})} = [$ends{$_}, "frame $_"] for keys %ends;
    for (1 .. 100000) {
      my $wanted = '';
      vec($wanted, $_, 1) = 1 for keys %sources;
      my $count = select(my $ready = $wanted, undef, undef, $milliseconds / 1000);
      return 1 if $count <= 0;
      for my $number (keys %sources) {
        next unless vec($ready, $number, 1);
        my ($source, $words) = @{$sources{$number}};
        next unless sysread($source, my $data, 1 << 20);
        print "$words ", unpack('H*', $data), "\n";
      }
    }
    return 1;
  },
);

$| = 1;
print "ok\n";
while (defined(my $line = <STDIN>)) {
  my ($word, @rest) = split ' ', $line;
  $! = 0;
  if ($commands{$word}->(@rest)) { print "ok\n" } else { print 'no ', $! + 0, " $!\n" }
}
`;
