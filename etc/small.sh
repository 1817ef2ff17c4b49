# For the programs that make the cards' figures.

# Write a picture with few colours: a tenth of the size, and as good to look at.
small() {
    python -c "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').quantize(
        128).save(sys.argv[2], optimize=True)" "$1" "$2"
}
