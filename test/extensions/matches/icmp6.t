# -m icmp6, also called icmpv6 and ipv6-icmp: 255 is a type like any other
:CHAINS filter/INPUT,FORWARD ipv6
-p ipv6-icmp -m icmp6 --icmpv6-type 128 ; = ; OK
-p ipv6-icmp -m icmp6 ! --icmpv6-type 128 ; = ; OK
-p ipv6-icmp -m icmp6 --icmpv6-type 1/0 ; = ; OK
-p ipv6-icmp -m icmp6 --icmpv6-type 1/255 ; = ; OK
-p ipv6-icmp -m icmp6 --icmpv6-type 255 ; = ; OK
-p ipv6-icmp -m icmp6 --icmpv6-type 255/255 ; = ; OK
-p icmpv6 -m icmpv6 --icmpv6-type echo-request ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; OK
-p icmpv6 -m ipv6-icmp --icmpv6-type ping ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; OK
-p icmpv6 --icmpv6-type packet-too-big ; -p ipv6-icmp -m icmp6 --icmpv6-type 2 ; OK
-p 58 -m icmp6 ! --icmpv6-type destination-unreachable ; -p ipv6-icmp -m icmp6 ! --icmpv6-type 1 ; OK
-p icmpv6 -m icmp6 --icmpv6-type bad ; -p ipv6-icmp -m icmp6 --icmpv6-type 4/0 ; OK
-p icmpv6 -m icmp6 --icmpv6-type 1/0:3 ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/0 ; OK
-p icmpv6 -m icmp6 --icmpv6-type 1/0:255 ; -p ipv6-icmp -m icmp6 --icmpv6-type 1 ; OK
-m icmp6 ; ; FAIL missing-option
-m icmp6 --icmpv6-type 128 ; ; FAIL needs-protocol
-p tcp -m icmp6 --icmpv6-type 128 ; ; FAIL needs-protocol
-p icmp -m icmp6 --icmpv6-type 128 ; ; FAIL needs-protocol
-p icmpv6 -m icmp6 --icmpv6-type any ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type 256 ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type 1/256 ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type neigh ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type ttl ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type mld-listener-query ; ; FAIL bad-icmp-type
-p icmpv6 -m icmp6 --icmpv6-type 128 --icmpv6-type 129 ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4
-p icmpv6 --icmpv6-type 128 ; ; FAIL unknown-option
