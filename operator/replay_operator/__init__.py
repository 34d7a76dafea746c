"""The operator: makes what OrderReplays and ScheduledOrderReplays ask for happen in a cluster."""
