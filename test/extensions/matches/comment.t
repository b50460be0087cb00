# -m comment: cut at 255 bytes, quoted by iptables-save unless it is letters, digits, - and _
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-m comment --comment foo ; = ; OK
-m comment --comment "foo bar" ; = ; OK
-m comment --comment foo_b-1 ; = ; OK
-m comment --comment foo:bar ; -m comment --comment "foo:bar" ; OK
-m comment --comment "" ; = ; OK
-m comment --comment "with 'single' and \"double\"" ; -m comment --comment "with \'single\' and \"double\"" ; OK
-m comment --comment "back\\slash" ; = ; OK
-m comment --comment ünï ; -m comment --comment "ünï" ; OK
-m comment --comment "a; b" ; = ; OK
-p tcp -m comment --comment foo -m tcp --dport 22 ; = ; OK
-m comment --comment xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyz ; -m comment --comment xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy ; OK
-m comment ; ; FAIL missing-option
-m comment --comment ; ; FAIL missing-argument
-m comment ! --comment foo ; ; FAIL cannot-invert
-m comment --comment a --comment b ; ; FAIL repeated-option
