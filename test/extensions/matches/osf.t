# Operating system of the sender, guessed from its TCP SYN.
:CHAINS filter/INPUT ipv4
-p tcp -m osf --genre Linux ; = ; OK
-p tcp -m osf ! --genre Linux ; = ; OK
-p tcp -m osf ; ; FAIL missing-option
-p tcp -m osf --genre linux --ttl 1 ; = ; OK
-p tcp -m osf --genre linux --ttl 2 --log 2 ; = ; OK
-p tcp -m osf --genre linux --log 3 ; ; FAIL bad-value
-p tcp -m osf --genre linux --log x ; ; FAIL bad-value
-p tcp -m osf --genre 01234567890123456789012345678901 ; -p tcp -m osf --genre 0123456789012345678901234567890 ; OK
-p tcp -m osf --genre 0123456789012345678901234567890 ; = ; OK
-p tcp -m osf --genre "a b" ; -p tcp -m osf --genre a b ; OK
-p tcp -m osf --genre linux:2.4 ; = ; OK
-p udp -m osf --genre linux ; ; FAIL needs-protocol
:CHAINS filter/OUTPUT ipv4
-p tcp -m osf --genre Linux ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4
-p tcp -m osf --genre Linux ; = ; OK
:CHAINS mangle/POSTROUTING ipv4
-p tcp -m osf --genre Linux ; ; FAIL wrong-hook
