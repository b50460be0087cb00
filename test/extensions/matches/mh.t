# Type of the IPv6 mobility header.
:CHAINS filter/INPUT ipv6
-p mobility-header -m mh --mh-type brr ; -p mobility-header -m mh --mh-type 0 ; OK
-p mobility-header -m mh --mh-type binding-refresh-request ; -p mobility-header -m mh --mh-type 0 ; OK
-p mobility-header -m mh --mh-type BU:BA ; -p mobility-header -m mh --mh-type 5:6 ; OK
-p mobility-header -m mh --mh-type hoti ; -p mobility-header -m mh --mh-type 1 ; OK
-p mobility-header -m mh --mh-type hot ; -p mobility-header -m mh --mh-type 3 ; OK
-p mobility-header -m mh --mh-type foo ; ; FAIL bad-value
-p mobility-header -m mh --mh-type 256 ; ; FAIL bad-value
-p mobility-header -m mh --mh-type 255 ; = ; OK
-p mobility-header -m mh --mh-type be ; -p mobility-header -m mh --mh-type 7 ; OK
-p mobility-header -m mh --mh-type binding-e ; -p mobility-header -m mh --mh-type 7 ; OK
-p mobility-header -m mh --mh-type binding ; -p mobility-header -m mh --mh-type 0 ; OK
-p mobility-header -m mh --mh-type b ; -p mobility-header -m mh --mh-type 0 ; OK
-p mobility-header -m mh --mh-type coti:cot ; -p mobility-header -m mh --mh-type 2:4 ; OK
-p mobility-header -m mh --mh-type 1:2:3 ; ; FAIL bad-value
-p mobility-header -m mh --mh-type "" ; -p mobility-header -m mh --mh-type 0 ; OK
-p mobility-header -m mh ! --mh-type 1:3 ; = ; OK
-p mobility-header -m mh ! --mh-type 0:255 ; -p mobility-header -m mh ; OK
-p mobility-header -m mh --mh-type 0:255 ; -p mobility-header -m mh ; OK
-p mobility-header -m mh --mh-type foo:1 ; ; FAIL bad-value
-p mobility-header -m mh --mh-type 1:foo ; ; FAIL bad-value
-p mobility-header -m mh --mh-type 0x5 ; -p mobility-header -m mh --mh-type 5 ; OK
-p mobility-header -m mh --mh-type 0 ; = ; OK
-p mh -m mh ! --mh-type 7 ; -p mobility-header -m mh ! --mh-type 7 ; OK
-p udp -m mh --mh-type 7 ; ; FAIL needs-protocol
! -p mobility-header -m mh --mh-type 7 ; ; FAIL needs-protocol
-p mobility-header -m mh --mh-type home-test-init ; -p mobility-header -m mh --mh-type 1 ; OK
-p mobility-header -m mh --mh-type binding-acknowledgement ; -p mobility-header -m mh --mh-type 6 ; OK
