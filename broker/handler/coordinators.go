package handler

import (
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// Coordinators are the group and transaction coordinators handlers call.
type Coordinators struct {
	Groups       *group.Coordinator
	Transactions *txn.Coordinator
}

// coordinatorAPIs are the rows of the version table the coordinators serve.
func (h *Handler) coordinatorAPIs() []wire.API { return nil }
