"""The programs that call us, or that we call: QuasarNP's interface, and redrock."""
