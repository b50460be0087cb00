# -m esp: full ranges are not printed, not even inverted ones, which match nothing
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-p esp -m esp ; = ; OK
-p esp -m esp --espspi 0 ; = ; OK
-p esp -m esp --espspi 4294967295 ; = ; OK
-p esp -m esp --espspi :32 ; -p esp -m esp --espspi 0:32 ; OK
-p esp -m esp --espspi 4: ; -p esp -m esp --espspi 4:4294967295 ; OK
-p esp -m esp ! --espspi 0:4294967294 ; = ; OK
-p esp -m esp --espspi 4:4 ; -p esp -m esp --espspi 4 ; OK
-p esp -m esp --espspi 4:3 ; = ; OK
-p esp -m esp --espspi : ; -p esp -m esp ; OK
-p esp -m esp ! --espspi : ; -p esp -m esp ; OK
-p esp -m esp --espspi 010 ; -p esp -m esp --espspi 8 ; OK
-p esp --espspi 5 ; -p esp -m esp --espspi 5 ; OK
-m esp ; ; FAIL needs-protocol
-p udp -m esp --espspi 1 ; ; FAIL needs-protocol
! -p esp -m esp ; ; FAIL needs-protocol
-p esp -m esp --espspi -1 ; ; FAIL bad-value
-p esp -m esp --espspi 4294967296 ; ; FAIL bad-value
-p esp -m esp --espspi x ; ; FAIL bad-value
-p esp -m esp --espspi 1-2 ; ; FAIL bad-value
-p esp -m esp --espspi 1:2:3 ; ; FAIL bad-value
-p esp -m esp --espspi 1 --espspi 2 ; ; FAIL repeated-option
