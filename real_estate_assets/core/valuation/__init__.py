"""The valuation model of one tenant: sales in, estimates with measured error out. Frames in, frames and bytes out.

Belongs here, in the order a number travels:
  sale_rules.valid_sales(sales, known_on)              -> (kept, [DroppedSales(rule, reason, count)])
  training.training_rows(kept, property_feature_rows)  -> TrainingRows(frame, dropped)
  settings.valuation_settings(**overrides)             -> ValuationSettings, reviewed in settings.yaml
  history.sale_history(training, settings)             -> SaleHistory: what every sale could know on its day
  backtest.walk_forward(training, settings, history)   -> one row per sale, each predicted before it happened
  model.fit(training, settings, history)               -> Bag; to_bytes, from_bytes, predict, base_booster
  estimates.estimate(bag, backtest, rows, valued_on, settings) -> one row per property, or the reason why not
  learnability.learnability(training, traits, settings, history) -> what the sales can teach of rare traits
  learning_curve.learning_curve(training, settings, sizes)     -> the error by number of sales: the stated minimum
`history` may be left out everywhere: it is then made anew, at the price of its fits.

Does not belong here: reading, writing, Dagster, the ratio study (`core/ratio_study`), pictures (`core/pictures`).
Heavy libraries are imported inside functions: this package is within reach of the command line.
"""
