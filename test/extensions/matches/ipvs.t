# Connections of the IP virtual server. Accepted lines cannot be loaded here: the kernel has no IPVS; the printing is libxt_ipvs' of 1.8.9.
:CHAINS filter/INPUT ipv4
-m ipvs ; ; FAIL missing-option
-m ipvs --vproto foo ; ; FAIL bad-protocol
-m ipvs --vdir foo ; ; FAIL bad-value
-m ipvs --vmethod foo ; ; FAIL bad-value
-m ipvs ! --ipvs --vproto tcp ; ; FAIL bad-combination
-m ipvs ! --vdir REPLY ; ; FAIL cannot-invert
:CHAINS filter/INPUT ipv4
:UNVERIFIED the kernel has no IPVS
-m ipvs --ipvs ; = ; OK
-m ipvs ! --ipvs ; = ; OK
-m ipvs --vproto tcp ; -m ipvs --vproto 6 ; OK
-m ipvs ! --vproto udp ; -m ipvs ! --vproto 17 ; OK
-m ipvs --vaddr 1.2.3.4 ; = ; OK
-m ipvs ! --vaddr 1.2.3.4/24 ; = ; OK
-m ipvs --vport http ; -m ipvs --vport 80 ; OK
-m ipvs --vdir reply ; -m ipvs --vdir REPLY ; OK
-m ipvs ! --vmethod ipip ; -m ipvs ! --vmethod IPIP ; OK
-m ipvs --vproto tcp --vaddr 10.0.0.1 --vport 80 --vdir ORIGINAL --vmethod MASQ --vportctl 21 ; -m ipvs --vproto 6 --vaddr 10.0.0.1 --vport 80 --vdir ORIGINAL --vmethod MASQ --vportctl 21 ; OK
-m ipvs --ipvs --vproto 6 ; -m ipvs --vproto 6 ; OK
