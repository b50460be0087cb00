# Whether the frame was sent to one host, to all or to a group.
:CHAINS filter/INPUT ipv4,ipv6
-m pkttype --pkt-type UNICAST ; -m pkttype --pkt-type unicast ; OK
-m pkttype --pkt-type host ; -m pkttype --pkt-type unicast ; OK
-m pkttype --pkt-type bcast ; -m pkttype --pkt-type broadcast ; OK
-m pkttype --pkt-type mcast ; -m pkttype --pkt-type multicast ; OK
-m pkttype --pkt-type otherhost ; = ; OK
-m pkttype --pkt-type outgoing ; ; FAIL bad-value
-m pkttype --pkt-type loopback ; ; FAIL bad-value
-m pkttype --pkt-type uni ; ; FAIL bad-value
-m pkttype --pkt-type "" ; ; FAIL bad-value
-m pkttype ! --pkt-type multicast ; = ; OK
-m pkttype --pkt-type unicastx ; ; FAIL bad-value
