# Mark of the packet, under a mask.
:CHAINS filter/INPUT ipv4,ipv6
-m mark --mark 0x1/0x0 ; = ; OK
-m mark --mark 0 ; -m mark --mark 0x0 ; OK
-m mark ! --mark 0xf0/0xf ; = ; OK
-m mark --mark 1/ ; ; FAIL bad-value
-m mark --mark 1/2/3 ; ; FAIL bad-value
