# Connection tracking state of the packet.
:CHAINS filter/INPUT ipv4,ipv6
-m state --state NEW,new ; -m state --state NEW ; OK
-m state --state NEW, ; ; FAIL bad-value
-m state --state ,NEW ; ; FAIL bad-value
-m state --state "" ; ; FAIL bad-value
-m state --state NEW,FOO ; ; FAIL bad-value
-m state --state SNAT ; ; FAIL bad-value
-m state --state ! NEW ; ; FAIL old-negation
-m state ! --state NEW,ESTABLISHED ; = ; OK
-m state --state ESTAB ; -m state --state ESTABLISHED ; OK
-m state --state RELATED,UNTRACKED,INVALID ; -m state --state INVALID,RELATED,UNTRACKED ; OK
-m state --state "NEW ESTABLISHED" ; ; FAIL bad-value
-m state --state NEW --state INVALID ; ; FAIL repeated-option
-m state --state NEW -m state --state INVALID ; = ; OK
