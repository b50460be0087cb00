# -m addrtype: types print in the order of their numbers; the beginning of a name will do
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-m addrtype --src-type LOCAL ; = ; OK
-m addrtype --dst-type UNSPEC ; = ; OK
-m addrtype ! --src-type LOCAL --dst-type MULTICAST ; = ; OK
-m addrtype --dst-type MULTICAST --src-type LOCAL ; -m addrtype --src-type LOCAL --dst-type MULTICAST ; OK
-m addrtype --src-type LOCAL,UNICAST ; -m addrtype --src-type UNICAST,LOCAL ; OK
-m addrtype --src-type LOCAL,LOCAL ; -m addrtype --src-type LOCAL ; OK
-m addrtype --src-type local ; -m addrtype --src-type LOCAL ; OK
-m addrtype --dst-type UNR,any ; -m addrtype --dst-type ANYCAST,UNREACHABLE ; OK
-m addrtype --dst-type un ; -m addrtype --dst-type UNSPEC ; OK
-m addrtype ; ; FAIL missing-option
-m addrtype --limit-iface-in ; ; FAIL missing-option
-m addrtype --src-type ; ; FAIL missing-argument
-m addrtype --src-type wrong ; ; FAIL bad-address-type
-m addrtype --src-type "" ; ; FAIL bad-address-type
-m addrtype --src-type LOCAL, ; ; FAIL bad-address-type
-m addrtype --src-type ,LOCAL ; ; FAIL bad-address-type
-m addrtype --src-type UNICAST,wrong,LOCAL ; ; FAIL bad-address-type
-m addrtype --src-type LOCAL --src-type UNICAST ; ; FAIL repeated-option
-m addrtype --src-type LOCAL --limit-iface-in --limit-iface-out ; ; FAIL excluded-option
-m addrtype --src-type LOCAL ! --limit-iface-in ; ; FAIL cannot-invert
:CHAINS filter/INPUT ipv4,ipv6
-m addrtype --src-type LOCAL --limit-iface-in ; = ; OK
-m addrtype --src-type LOCAL --limit-iface-out ; ; FAIL interface-in-wrong-hook
:CHAINS filter/FORWARD,own ipv4,ipv6
-m addrtype --src-type LOCAL --limit-iface-in ; = ; OK
-m addrtype --src-type LOCAL --limit-iface-out ; = ; OK
:CHAINS filter/OUTPUT ipv4,ipv6
-m addrtype --src-type LOCAL --limit-iface-in ; ; FAIL interface-in-wrong-hook
-m addrtype --src-type LOCAL --limit-iface-out ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-m addrtype --src-type LOCAL --limit-iface-out ; ; FAIL interface-in-wrong-hook
:CHAINS mangle/POSTROUTING ipv4,ipv6
-m addrtype --src-type LOCAL --limit-iface-in ; ; FAIL interface-in-wrong-hook
:CHAINS filter/INPUT ipv4
-m addrtype --dst-type UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE,UNSPEC ; -m addrtype --dst-type UNSPEC,UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE ; OK
:CHAINS filter/INPUT ipv6
-m addrtype --dst-type UNREACHABLE ; = ; OK
-m addrtype --dst-type BROADCAST ; ; FAIL not-in-ipv6
-m addrtype --dst-type BLACKHOLE ; ; FAIL not-in-ipv6
-m addrtype --src-type PROHIBIT ; ; FAIL not-in-ipv6
-m addrtype --src-type LOCAL,THROW ; ; FAIL not-in-ipv6
-m addrtype --src-type NAT ; ; FAIL not-in-ipv6
-m addrtype --src-type XRESOLVE ; ; FAIL not-in-ipv6
