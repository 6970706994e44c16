# A Rack application that publishes each note to the browsers. Run it with: rackup -o 127.0.0.1 -p 3000

require_relative "faye_publisher"

faye = ENV.fetch("FAYE_URL", "http://127.0.0.1:8000/faye")
publisher = FayePublisher.new(url: faye, secret: ENV.fetch("FAYE_PUSH_SECRET"))
page = File.read(File.expand_path("../page/index.html", __dir__)).gsub("{{faye}}", faye)

run lambda { |env|
  request = Rack::Request.new(env)
  case [request.request_method, request.path_info]
  when ["GET", "/"]
    [200, { "content-type" => "text/html; charset=utf-8" }, [page]]
  when ["POST", "/notes"]
    begin
      publisher.publish("/notes", text: request.params.fetch("text").slice(0, 200))
      [204, {}, []]
    rescue KeyError
      [400, { "content-type" => "text/plain" }, ["The field text is missing.\n"]]
    rescue FayePublisher::Refused, SystemCallError, Timeout::Error => error
      env["rack.errors"].puts "publish failed: #{error.message}"
      [502, { "content-type" => "text/plain" }, ["The note could not be published.\n"]]
    end
  else
    [404, { "content-type" => "text/plain" }, ["Not found.\n"]]
  end
}
