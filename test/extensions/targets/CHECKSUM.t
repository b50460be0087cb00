# -j CHECKSUM: mangle only
:CHAINS mangle/POSTROUTING ipv4,ipv6
-j CHECKSUM --checksum-fill ; = ; OK
-p udp -j CHECKSUM --checksum-fill ; = ; OK
-p udp -m udp --dport 68 -j CHECKSUM --checksum-fill ; = ; OK
-p tcp -j CHECKSUM --checksum-fill ; = ; OK
! -p udp -j CHECKSUM --checksum-fill ; = ; OK
-p icmp -j CHECKSUM --checksum-fill ; = ; OK
-j CHECKSUM ; ; FAIL missing-option
-j CHECKSUM ! --checksum-fill ; ; FAIL cannot-invert
-j CHECKSUM --checksum-fill --checksum-fill ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4,ipv6
-j CHECKSUM --checksum-fill ; ; FAIL wrong-table
-p udp -j CHECKSUM --checksum-fill ; ; FAIL wrong-table
