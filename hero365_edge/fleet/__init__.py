"""What ops sees of a device: the control socket, metrics, provisioning and the bundle."""
