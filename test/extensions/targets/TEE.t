# -j TEE: addresses as getaddrinfo(3) reads them; the zero address is refused
:CHAINS mangle/PREROUTING ipv4
-j TEE --gateway 1.2.3.4 ; = ; OK
-j TEE --gateway 1.2.3.4 --oif eth0 ; = ; OK
-j TEE --oif eth0 --gateway 1.2.3.4 ; -j TEE --gateway 1.2.3.4 --oif eth0 ; OK
-j TEE --gateway 1.2.3.4 --oif eth0123456789012 ; -j TEE --gateway 1.2.3.4 --oif eth012345678901 ; OK
-j TEE --gateway 1.2.3.4 --oif eth01234567890 ; = ; OK
-j TEE --gateway 1.2.3.4 --oif "" ; -j TEE --gateway 1.2.3.4 ; OK
-j TEE --gateway 1.2.3.4 --oif "eth+" ; -j TEE --gateway 1.2.3.4 --oif eth+ ; OK
-j TEE --gateway 1.2.3.4 --oif "e th" ; -j TEE --gateway 1.2.3.4 --oif e th ; OK
-j TEE --gateway 1.2.3.4 --oif "eth.5" ; -j TEE --gateway 1.2.3.4 --oif eth.5 ; OK
-j TEE ; ; FAIL missing-option
-j TEE --oif eth0 ; ; FAIL missing-option
-j TEE --gateway 0.0.0.0 ; ; FAIL bad-address
-j TEE --gateway 0.0.0.0 --oif eth0 ; ; FAIL bad-address
-j TEE --gateway 1.2.3 ; -j TEE --gateway 1.2.0.3 ; OK
-j TEE --gateway 010.1.1.1 ; -j TEE --gateway 8.1.1.1 ; OK
-j TEE --gateway foo ; ; FAIL bad-address
-j TEE --gateway ::1 ; ; FAIL bad-address
-j TEE --gateway 1.2.3.4/24 ; ; FAIL bad-address
-j TEE ! --gateway 1.2.3.4 ; ; FAIL cannot-invert
-j TEE --gateway 1.2.3.4 ! --oif eth0 ; ; FAIL cannot-invert
:CHAINS mangle/PREROUTING ipv6
-j TEE --gateway ::1 ; = ; OK
-j TEE --gateway :: ; ; FAIL bad-address
-j TEE --gateway fe80::1 --oif eth0 ; = ; OK
-j TEE --gateway 1.2.3.4 ; ; FAIL bad-address
