package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// Kinds of coordinator, and the first version that asks for several at once (KIP-699).
const (
	coordinatorOfGroup       = 0
	coordinatorOfTransaction = 1
	findCoordinatorBatch     = 4
)

// findCoordinator names the broker that coordinates a group or transactional id.
func (h *Handler) findCoordinator(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.FindCoordinatorRequest)
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if in.Version >= findCoordinatorBatch {
		resp.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{}
		for _, key := range in.CoordinatorKeys {
			resp.Coordinators = append(resp.Coordinators, h.coordinatorOf(req, in.CoordinatorType, key))
		}
		req.Reply(resp)
		return
	}
	c := h.coordinatorOf(req, in.CoordinatorType, in.CoordinatorKey)
	resp.NodeID, resp.Host, resp.Port, resp.ErrorCode, resp.ErrorMessage = c.NodeID, c.Host, c.Port, c.ErrorCode, c.ErrorMessage
	req.Reply(resp)
}

func (h *Handler) coordinatorOf(req *wire.Request, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port = key, -1, -1
	refuse := func(code coordinator.Code, message string) kmsg.FindCoordinatorResponseCoordinator {
		out.ErrorCode, out.ErrorMessage = int16(code), &message
		return out
	}
	var leader int32
	img := h.Quorum.Image()
	switch kind {
	case coordinatorOfGroup:
		if !h.may(req, auth.OpDescribe, auth.ResourceGroup, key) {
			return refuse(mayNotGroup, "the group may not be described")
		}
		p, ok := img.Partition(metadata.OffsetsTopic, h.Groups.PartitionFor(key))
		if leader = p.Leader; !ok {
			leader = metadata.NoLeader
		}
	case coordinatorOfTransaction:
		if !h.may(req, auth.OpDescribe, auth.ResourceTransactionalID, key) {
			return refuse(mayNotTxn, "the transactional id may not be described")
		}
		p, ok := img.Partition(metadata.TransactionsTopic, h.Transactions.PartitionFor(key))
		if leader = p.Leader; !ok {
			leader = metadata.NoLeader
		}
	default:
		return refuse(coordinator.InvalidRequest, "no coordinators of this kind here")
	}
	if leader == h.NodeID {
		out.NodeID = leader
		out.Host, out.Port = h.address(req.Conn)
		return out
	}
	b := img.Broker(leader)
	if b == nil || len(b.Endpoints) == 0 {
		return refuse(coordinator.NotAvailable, "the coordinator's partition has no leader")
	}
	out.NodeID = leader
	out.Host, out.Port = h.brokerAddress(req.Conn, b)
	return out
}
