package metadata

// QuotaCount is the number of entities that have quotas.
func (img *Image) QuotaCount() int { return len(img.quotas) }
