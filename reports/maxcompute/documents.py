"""The platform's documents, as references name them."""

PAGE = "MaxCompute, network connection process: "
