"""The programs: parse() and main() of each."""
