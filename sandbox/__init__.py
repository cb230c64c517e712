"""The demo's landing files: real purchases and mailings under a seeded, known set of synthetic people."""
