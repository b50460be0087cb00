# -j REJECT: any beginning of a name will do, in any case; tcp-reset needs -p tcp
:CHAINS filter/INPUT ipv4,ipv6
-j REJECT --reject-with tcp-reset ; ; FAIL needs-protocol
-p tcp -j REJECT --reject-with tcp ; -p tcp -j REJECT --reject-with tcp-reset ; OK
! -p tcp -j REJECT --reject-with tcp-reset ; ; FAIL needs-protocol
-p udp -j REJECT --reject-with tcp-reset ; ; FAIL needs-protocol
-p tcp -j REJECT --reject-with tcp-reset ; = ; OK
:CHAINS filter/INPUT ipv4
-j REJECT ; -j REJECT --reject-with icmp-port-unreachable ; OK
-j REJECT --reject-with icmp-net-unreachable ; = ; OK
-j REJECT --reject-with icmp-host-unreachable ; = ; OK
-j REJECT --reject-with icmp-proto-unreachable ; = ; OK
-j REJECT --reject-with icmp-net-prohibited ; = ; OK
-j REJECT --reject-with net-unreach ; -j REJECT --reject-with icmp-net-unreachable ; OK
-j REJECT --reject-with host-unreach ; -j REJECT --reject-with icmp-host-unreachable ; OK
-j REJECT --reject-with proto-unreach ; -j REJECT --reject-with icmp-proto-unreachable ; OK
-j REJECT --reject-with net-prohib ; -j REJECT --reject-with icmp-net-prohibited ; OK
-j REJECT --reject-with host-prohib ; -j REJECT --reject-with icmp-host-prohibited ; OK
-j REJECT --reject-with tcp-rst ; ; FAIL needs-protocol
-j REJECT --reject-with i ; -j REJECT --reject-with icmp-net-unreachable ; OK
-j REJECT --reject-with ICMP-port-unreachable ; -j REJECT --reject-with icmp-port-unreachable ; OK
-j REJECT --reject-with icmp-net-u ; -j REJECT --reject-with icmp-net-unreachable ; OK
-p tcp -j REJECT --reject-with t ; -p tcp -j REJECT --reject-with tcp-reset ; OK
-j REJECT --reject-with port-unreachable ; ; FAIL bad-value
-j REJECT --reject-with icmp-port-unreach ; -j REJECT --reject-with icmp-port-unreachable ; OK
-j REJECT --reject-with echo-reply ; ; FAIL bad-value
-j REJECT --reject-with icmp-echo-reply ; ; FAIL bad-value
-j REJECT --reject-with icmp6-port-unreachable ; ; FAIL bad-value
-j REJECT ! --reject-with icmp-net-prohibited ; ; FAIL cannot-invert
-j REJECT --reject-with icmp-net-prohibited --reject-with icmp-net-prohibited ; ; FAIL repeated-option
:CHAINS filter/INPUT,FORWARD,OUTPUT,own ipv6
-j REJECT ; -j REJECT --reject-with icmp6-port-unreachable ; OK
-j REJECT --reject-with no-route ; -j REJECT --reject-with icmp6-no-route ; OK
-j REJECT --reject-with adm-prohibited ; -j REJECT --reject-with icmp6-adm-prohibited ; OK
-j REJECT --reject-with addr-unreach ; -j REJECT --reject-with icmp6-addr-unreachable ; OK
-j REJECT --reject-with a ; -j REJECT --reject-with icmp6-adm-prohibited ; OK
-p tcp -j REJECT --reject-with tcp-rst ; ; FAIL bad-value
-j REJECT --reject-with icmp-port-unreachable ; ; FAIL bad-value
-j REJECT --reject-with icmp6-beyond-scope ; ; FAIL bad-value
-j REJECT --reject-with icmp6-no-route ; = ; OK
-j REJECT --reject-with icmp6-adm-prohibited ; = ; OK
-j REJECT --reject-with icmp6-addr-unreachable ; = ; OK
-j REJECT --reject-with icmp6-port-unreachable ; = ; OK
-j REJECT --reject-with icmp6-policy-fail ; = ; OK
:CHAINS nat/PREROUTING ipv4
-j REJECT ; ; FAIL wrong-table
:CHAINS mangle/PREROUTING ipv4
-j REJECT ; ; FAIL wrong-table
:CHAINS security/INPUT ipv4
-j REJECT ; ; FAIL wrong-table
