"""What ops sees of a device: the control socket now; metrics, provisioning and the bundle later."""
