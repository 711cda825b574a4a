package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// listPartitionReassignments answers that none is under way.
func (h *Handler) listPartitionReassignments(_ context.Context, req *wire.Request) {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{}
	if !h.mayCluster(req, auth.OpDescribe) {
		resp.ErrorCode, resp.ErrorMessage = h.failure(kerr.ClusterAuthorizationFailed)
	}
	req.Reply(resp)
}
