# Ethernet source address of the packet.
:CHAINS filter/INPUT ipv4,ipv6
-m mac --mac-source 00:11:22:33:44:5 ; -m mac --mac-source 00:11:22:33:44:05 ; OK
-m mac --mac-source AA:bb:CC:33:44:5g ; ; FAIL bad-mac
-m mac --mac-source 00-11-22-33-44-55 ; ; FAIL bad-mac
-m mac ! --mac-source AA:BB:CC:DD:EE:FF ; -m mac ! --mac-source aa:bb:cc:dd:ee:ff ; OK
-m mac --mac-source 001:11:22:33:44:55 ; ; FAIL bad-mac
-m mac --mac-source :11:22:33:44:55 ; -m mac --mac-source 00:11:22:33:44:55 ; OK
-m mac --mac-source "" ; ; FAIL bad-mac
-m mac --mac 00:11:22:33:44:55 ; -m mac --mac-source 00:11:22:33:44:55 ; OK
:CHAINS filter/OUTPUT ipv4,ipv6
-m mac --mac-source 00:11:22:33:44:55 ; ; FAIL wrong-hook
:CHAINS mangle/POSTROUTING ipv4,ipv6
-m mac --mac-source 00:11:22:33:44:55 ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4,ipv6
-m mac --mac-source 00:11:22:33:44:55 ; = ; OK
