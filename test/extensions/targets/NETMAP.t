# -j NETMAP: addresses as getaddrinfo(3) reads them, masks with holes count as all ones
:CHAINS nat/PREROUTING ipv4
-j NETMAP --to 10.0.0.0/24 ; = ; OK
-j NETMAP --to 10.0.0.5/24 ; -j NETMAP --to 10.0.0.0/24 ; OK
-j NETMAP --to 10.0.0.0/255.255.255.0 ; -j NETMAP --to 10.0.0.0/24 ; OK
-j NETMAP --to 10.0.0.0/255.0.255.0 ; -j NETMAP --to 10.0.0.0/32 ; OK
-j NETMAP --to 10.0.0.5 ; -j NETMAP --to 10.0.0.5/32 ; OK
-j NETMAP --to 10.0.0.0/0 ; -j NETMAP --to 0.0.0.0/0 ; OK
-j NETMAP --to 10/8 ; -j NETMAP --to 0.0.0.0/8 ; OK
-j NETMAP --to 10.1/16 ; -j NETMAP --to 10.0.0.0/16 ; OK
-j NETMAP --to 10.0.0.0/33 ; -j NETMAP --to 10.0.0.0/32 ; OK
-j NETMAP --to example ; ; FAIL bad-address
-j NETMAP --to "" ; ; FAIL bad-address
-j NETMAP ; ; FAIL missing-option
-j NETMAP ! --to 10.0.0.0/24 ; ; FAIL cannot-invert
-j NETMAP --to 10.0.0.0/ ; ; FAIL bad-mask
-j NETMAP --to 10.0.0.0/24,11.0.0.0/24 ; ; FAIL bad-mask
-j NETMAP --to dead::/64 ; ; FAIL bad-address
-j NETMAP --to 010.0.0.1/32 ; -j NETMAP --to 8.0.0.1/32 ; OK
-j NETMAP --to 10.0.0.0/32 ; = ; OK
:CHAINS nat/PREROUTING ipv6
-j NETMAP --to dead::/64 ; = ; OK
-j NETMAP --to dead::1/64 ; -j NETMAP --to dead::/64 ; OK
-j NETMAP --to dead::1 ; -j NETMAP --to dead::1/128 ; OK
-j NETMAP --to dead::1/128 ; = ; OK
-j NETMAP --to dead::1/129 ; ; FAIL bad-mask
-j NETMAP --to dead::/ffff:: ; -j NETMAP --to dead::/16 ; OK
-j NETMAP --to dead::/ffff::ffff ; -j NETMAP --to dead::/128 ; OK
-j NETMAP --to dead::/0 ; -j NETMAP --to ::/0 ; OK
-j NETMAP --to 10.0.0.0/24 ; ; FAIL bad-address
-j NETMAP --to foo ; ; FAIL bad-address
:CHAINS nat/INPUT ipv4
-j NETMAP --to 10.0.0.0/24 ; = ; OK
:CHAINS nat/OUTPUT ipv4
-j NETMAP --to 10.0.0.0/24 ; = ; OK
:CHAINS nat/POSTROUTING ipv4
-j NETMAP --to 10.0.0.0/24 ; = ; OK
:CHAINS filter/INPUT ipv4
-j NETMAP --to 10.0.0.0/24 ; ; FAIL wrong-table
