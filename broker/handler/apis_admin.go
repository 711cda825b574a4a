package handler

import "github.com/freshetdb/freshet/broker/wire"

// API keys of administration beside those of table.go.
const (
	keyAlterClientQuotas = 49
	keyUpdateFeatures    = 57
	keyUnregisterBroker  = 64
)

// adminAPIs are the rows of the version table about quotas, features and registrations.
func (h *Handler) adminAPIs() []wire.API {
	return []wire.API{
		{Key: keyAlterClientQuotas, Min: 0, Max: 1, Serve: h.alterClientQuotas},
		{Key: keyUpdateFeatures, Min: 0, Max: 2, Serve: h.updateFeatures},
		{Key: keyUnregisterBroker, Min: 0, Max: 0, Serve: h.unregisterBroker},
	}
}
