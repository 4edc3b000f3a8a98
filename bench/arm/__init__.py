"""What the device costs on ARM, counted instruction by instruction under QEMU."""
