"""What interactions does, in the words of the business."""
