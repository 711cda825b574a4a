package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// createACLs adds rules; one refused doesn't stop the others.
func (h *Handler) createACLs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreateACLsRequest)
	resp := kmsg.NewPtrCreateACLsResponse()
	resp.Results = make([]kmsg.CreateACLsResponseResult, len(in.Creations))
	var wanted []metadata.ACL
	var places []int // of wanted among the results
	allowed := h.mayCluster(req, auth.OpAlter)
	for i := range in.Creations {
		resp.Results[i] = kmsg.NewCreateACLsResponseResult()
		acl := newACL(&in.Creations[i])
		if !allowed {
			resp.Results[i].ErrorCode = kerr.ClusterAuthorizationFailed.Code
		} else if err := auth.CheckACL(&acl); err != nil {
			resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = kerr.InvalidRequest.Code, new(err.Error())
		} else {
			wanted, places = append(wanted, acl), append(places, i)
		}
	}
	if len(wanted) > 0 {
		err := h.change(ctx, 0, func(img *metadata.Image) ([]metadata.Record, error) {
			records, refused := h.Controller.CreateACLs(img, wanted)
			if refused != nil {
				return nil, refused
			}
			return records, nil
		})
		for _, i := range places {
			if err != nil {
				resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = h.failure(err)
			}
		}
	}
	req.Reply(resp)
}

func newACL(in *kmsg.CreateACLsRequestCreation) metadata.ACL {
	return metadata.ACL{
		ResourceType: int8(in.ResourceType), PatternType: int8(in.ResourcePatternType), ResourceName: in.ResourceName,
		Principal: in.Principal, Host: in.Host, Operation: int8(in.Operation), Permission: int8(in.PermissionType),
	}
}
