# -j SECMARK: mangle and security; the context must be known to SELinux
:CHAINS filter/INPUT ipv4,ipv6
-j SECMARK --selctx a ; ; FAIL wrong-table
:CHAINS security/INPUT ipv4,ipv6
-j SECMARK --selctx "" ; ; FAIL bad-value
-j SECMARK ; ; FAIL missing-option
:CHAINS security/INPUT,FORWARD,OUTPUT ipv4,ipv6
:UNVERIFIED no SELinux here
-j SECMARK --selctx system_u:object_r:firewalld_exec_t:s0 ; = ; OK
