"""What accounts does, in the words of the business."""
