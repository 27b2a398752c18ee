"""What the notifier does, each as a paragraph in the business's words."""
