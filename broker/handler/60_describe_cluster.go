package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// Endpoints a client may ask for.
const (
	endpointBrokers     = 1
	endpointControllers = 2
)

// describeCluster lists the brokers.
func (h *Handler) describeCluster(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeClusterRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterID, resp.ControllerID = img.ClusterID(), h.NodeID
	resp.ClusterAuthorizedOperations = h.operations(req, in.IncludeClusterAuthorizedOperations, auth.ResourceCluster, auth.ClusterName)
	resp.EndpointType, resp.Brokers = endpointBrokers, []kmsg.DescribeClusterResponseBroker{}
	if in.Version >= 1 && in.EndpointType != endpointBrokers {
		resp.ErrorCode, resp.ControllerID = kerr.UnsupportedEndpointType.Code, -1
		if in.EndpointType == endpointControllers {
			resp.ErrorCode = kerr.MismatchedEndpointType.Code
		}
		resp.ErrorMessage = new("clients reach brokers here, not controllers")
		req.Reply(resp)
		return
	}
	for _, b := range img.Brokers() {
		if b.Fenced && !in.IncludeFencedBrokers {
			continue
		}
		out := kmsg.NewDescribeClusterResponseBroker()
		out.NodeID, out.IsFenced = b.ID, b.Fenced
		out.Host, out.Port = h.brokerAddress(req.Conn, b)
		resp.Brokers = append(resp.Brokers, out)
	}
	req.Reply(resp)
}
