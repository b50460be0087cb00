# -m icmp: names, beginnings of names, numbers; 255 is "any" whatever the code
:CHAINS filter/INPUT,FORWARD ipv4
-p icmp -m icmp --icmp-type 8 ; = ; OK
-p icmp -m icmp ! --icmp-type 8 ; = ; OK
-p icmp -m icmp --icmp-type 3/4 ; = ; OK
-p icmp -m icmp --icmp-type 3/255 ; = ; OK
-p icmp -m icmp --icmp-type any ; = ; OK
-p icmp -m icmp ! --icmp-type any ; = ; OK
-p icmp -m icmp --icmp-type 255/3 ; -p icmp -m icmp --icmp-type any ; OK
-p icmp -m icmp --icmp-type 254 ; = ; OK
-p icmp --icmp-type echo-request ; -p icmp -m icmp --icmp-type 8 ; OK
-p 1 --icmp-type ping ; -p icmp -m icmp --icmp-type 8 ; OK
-p icmp -m icmp --icmp-type dest ; -p icmp -m icmp --icmp-type 3 ; OK
-p icmp -m icmp --icmp-type TTL-EXCEEDED ; -p icmp -m icmp --icmp-type 11 ; OK
-p icmp -m icmp --icmp-type fragmentation-needed ; -p icmp -m icmp --icmp-type 3/4 ; OK
-p icmp -m icmp --icmp-type 0x8 ; -p icmp -m icmp --icmp-type 8 ; OK
-p icmp -m icmp --icmp-type 010 ; -p icmp -m icmp --icmp-type 8 ; OK
# The end of a range of codes is not printed.
-p icmp -m icmp --icmp-type 3/2:5 ; -p icmp -m icmp --icmp-type 3/2 ; OK
-p icmp -m icmp --icmp-type 3/5:2 ; -p icmp -m icmp --icmp-type 3/5 ; OK
-p icmp -m icmp --icmp-type 3/0:255 ; -p icmp -m icmp --icmp-type 3 ; OK
-m icmp ; ; FAIL missing-option
-m icmp --icmp-type 8 ; ; FAIL needs-protocol
-p tcp -m icmp --icmp-type 8 ; ; FAIL needs-protocol
! -p icmp -m icmp --icmp-type 8 ; ; FAIL needs-protocol
-p icmp -m icmp --icmp-type 256 ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 8/256 ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 8/ ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 3/2: ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 3/2-5 ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 3/x ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type nonsense ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type network ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type "" ; ; FAIL bad-icmp-type
-p icmp -m icmp --icmp-type 8 --icmp-type 0 ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv6
-p icmpv6 --icmp-type 8 ; ; FAIL unknown-option
-p icmp -m icmp --icmp-type 8 ; ; FAIL unknown-match
