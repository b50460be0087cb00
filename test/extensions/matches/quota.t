# A number of bytes after which the rule matches no more.
:CHAINS filter/INPUT ipv4,ipv6
-m quota --quota 1 ; = ; OK
-m quota ! --quota 5 ; = ; OK
-m quota --quota x ; ; FAIL bad-value
-m quota --quota 0x10 ; -m quota --quota 16 ; OK
-m quota --quota -1 ; ; FAIL bad-value
-m quota --quota "" ; ; FAIL bad-value
-m quota --quota 010 ; -m quota --quota 8 ; OK
-m quota --quota 5:6 ; ; FAIL bad-value
-m quota --quota 18446744073709551615 ; = ; OK
-m quota --quota 18446744073709551614 ; = ; OK
