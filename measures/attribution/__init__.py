"""Attribution: what each channel is credited with by seven models, beside what was measured."""
