# -m helper: cut at 29 bytes; an empty name is any helper
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-m helper --helper ftp ; = ; OK
-m helper ! --helper ftp ; = ; OK
-m helper --helper "" ; = ; OK
-m helper --helper ftp-2121 ; = ; OK
-m helper --helper "a b" ; = ; OK
-m helper --helper a'b ; -m helper --helper "a\'b" ; OK
-m helper --helper abcdefghijklmnopqrstuvwxyzabc ; = ; OK
-m helper --helper abcdefghijklmnopqrstuvwxyzabcdefghijk ; -m helper --helper abcdefghijklmnopqrstuvwxyzabc ; OK
-m helper ; ; FAIL missing-option
-m helper --helper ; ; FAIL missing-argument
-m helper --helper ftp --helper ftp ; ; FAIL repeated-option
:CHAINS raw/PREROUTING ipv4
-m helper --helper ftp ; = ; OK
