package handler

import (
	"github.com/freshetdb/freshet/broker/wire"
)

// The first versions of requests that are refused when their client's controller_mutation_rate is used up; older ones are served and
// their connection throttled (KIP-599).
const (
	createTopicsStrict     = 6
	deleteTopicsStrict     = 5
	createPartitionsStrict = 3
)

// mutates counts partitions a request makes or deletes and tells whether it may. The answer says how long to wait.
func (h *Handler) mutates(req *wire.Request, strictFrom int16, partitions int) bool {
	if h.Quotas == nil || !h.Quotas.Active() {
		return true
	}
	wait, ok := h.Quotas.Mutate(req.Conn.Caller().Principal.Name, req.ClientID, req.Version >= strictFrom, partitions)
	req.Throttle(wait)
	return ok
}
