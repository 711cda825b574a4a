package handler

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// unregisterBroker forgets a broker that is gone for good; the one that answers stays, as do those that hold partitions.
func (h *Handler) unregisterBroker(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.UnregisterBrokerRequest)
	resp := kmsg.NewPtrUnregisterBrokerResponse()
	if !h.mayCluster(req, auth.OpAlter) {
		resp.ErrorCode, resp.ErrorMessage = refused(kerr.ClusterAuthorizationFailed)
		req.Reply(resp)
		return
	}
	err := h.change(ctx, 0, func(img *metadata.Image) ([]metadata.Record, error) {
		switch b := img.Broker(in.BrokerID); {
		case b == nil:
			return nil, &controller.Error{Kafka: kerr.BrokerIDNotRegistered, Message: fmt.Sprintf("Broker ID %d is not currently registered", in.BrokerID)}
		case in.BrokerID == h.NodeID:
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: fmt.Sprintf("broker %d is running", in.BrokerID)}
		case holdsPartitions(img, in.BrokerID):
			return nil, &controller.Error{Kafka: kerr.InvalidRequest, Message: fmt.Sprintf("broker %d is named as a replica of partitions", in.BrokerID)}
		}
		return []metadata.Record{metadata.BrokerRemovedRecord{ID: in.BrokerID}}, nil
	})
	resp.ErrorCode, resp.ErrorMessage = h.failure(err)
	req.Reply(resp)
}

func holdsPartitions(img *metadata.Image, broker int32) bool {
	for t := range img.Topics() {
		for _, p := range t.Partitions {
			if slices.Contains(p.Replicas, broker) {
				return true
			}
		}
	}
	return false
}
