"""Files to arrays and back: spectra, images, catalogues, weights of other frameworks."""
