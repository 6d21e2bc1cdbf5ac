"""Networks: files, contracts, devices, downloads and the ONNX Runtime sessions that run them."""
