# For the programs that make the cards' figures.

# Write a picture with few colours: a tenth of the size, and as good to look at. By octree, which
# keeps colours that are rare, such as those of a few marks.
small() {
    python -c "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').quantize(
        256, method=Image.Quantize.FASTOCTREE).save(sys.argv[2], optimize=True)" "$1" "$2"
}
