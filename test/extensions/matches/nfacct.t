# Accounting objects. They must exist before a rule that counts in them loads.
:CHAINS filter/INPUT ipv4
-m nfacct ; ; FAIL missing-option
-m nfacct --nfacct-name "" ; ; FAIL too-short
-m nfacct ! --nfacct-name foo ; ; FAIL cannot-invert
:CHAINS filter/INPUT ipv4,ipv6
:UNVERIFIED accounting objects are made outside of iptables
-m nfacct --nfacct-name foo ; = ; OK
-m nfacct --nfacct-name "a b" ; = ; OK
-m nfacct --nfacct-name 01234567890123456789012345678901 ; -m nfacct --nfacct-name 0123456789012345678901234567890 ; OK
