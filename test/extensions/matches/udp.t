# Ports of the UDP header.
:CHAINS filter/INPUT ipv4,ipv6
-p udp -m udp --dport 010 ; -p udp -m udp --dport 10 ; OK
-p udp -m udp --dport 70000 ; -p udp -m udp --dport 4464 ; OK
-p udp -m udp --dport domain:ntp ; -p udp -m udp --dport 53:123 ; OK
-p udp -m udp --dport 1:2:3 ; ; FAIL bad-value
-p udp -m udp ! --dport 0:5 ; -p udp -m udp --dport 6:65535 ; OK
-p udp -m udp ! --dport 0:0 ; -p udp -m udp ! --dport 0 ; OK
-p udp -m udp ! --dport 5:3 ; = ; OK
-p udp -m udp ! --dport 0:65535 ! --sport 4: ; -p udp -m udp ! --sport 4:65535 ; OK
-p udp -m udp ! --dport 0:65535 ; -p udp ; OK
-p udp -m udp --sport : ; -p udp -m udp ; OK
-p udp -m udp --dport nope ; ; FAIL bad-port
-p udp -m udp --dport "" ; -p udp -m udp --dport 0 ; OK
-p udp -m udp --source-port 4 --destination-port 5 ; -p udp -m udp --sport 4 --dport 5 ; OK
-p udp -m udp --dport 0x50 ; ; FAIL bad-port
-p udp -m udp ! --dport 5:65535 ; = ; OK
