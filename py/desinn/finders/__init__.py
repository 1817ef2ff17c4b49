"""What goes into a network and what its output means: quasars, cosmic rays."""
