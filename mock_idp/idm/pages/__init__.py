"""The pages of user management, one module for each group. They read and show; `changes`, `grants` and so on write."""
